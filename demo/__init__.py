# SPDX-License-Identifier: Apache-2.0
"""A small public-domain corpus, questions of two hops, and a program that shows what memwalk does with them."""
