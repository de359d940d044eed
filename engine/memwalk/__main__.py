# SPDX-License-Identifier: Apache-2.0
"""`python -m memwalk` is the command line."""

from memwalk.cli import main

main()
