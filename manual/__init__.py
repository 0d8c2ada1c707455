"""The manual: reference pages made from the code, what checks the samples of all pages, and how the site turns their links.

In:    `pipeline/`, `mappings/`, `template.yaml`, `shipper_function/`, `docs/`, and `meanings.yaml` here.
Out:   `docs/reference/*.md`, and a line for each page that is out of date and each sample that is wrong.
"""
