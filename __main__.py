"""The program that `pulumi up` runs."""

from prod_infra.program import main

main()
