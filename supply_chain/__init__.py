"""Supply chain: what a built Lambda package carries, under which licences, and the hashes that pip holds it to.

    package.py     the installed distributions in a package's folder, and files that nobody accounts for
    carried.py     third-party code that is compiled into a distribution
    spdx.py        licence expressions, and whether they are permissive, copyleft or unknown
    licences.py    `make licences`: each licence in the package
    sbom.py        `make sbom`: the package as a CycloneDX document
    pip_report.py  which wheels pip picked
    hashes.py      `make hashes`: writes the hashes into the requirements
    expanded_template.py  `make template`: the stack's template as CloudFormation has it after the SAM transform

It needs Python >= 3.11 and nothing else, since `make build` runs it with any Python; `make template` takes that of the SAM CLI. It is not
part of the package.
"""
