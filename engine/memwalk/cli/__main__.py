# SPDX-License-Identifier: Apache-2.0
"""`python -m memwalk.cli`."""

from memwalk.cli import main

main()
