"""Routes: one module per page, each with the list `ROUTES`.

In:    a request that the guard has let in.
Out:   a page, or a part of one.
Touch: OpenSearch through `search`, in threads.
Order: any; each stands alone.
"""
