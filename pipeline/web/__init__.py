"""Web: a request of a browser becomes a page.

In:    HTTP requests, and a PageContext: the store and the values that the pages need.
Out:   an application that a web server runs; each page works without a script.
Touch: OpenSearch through `store`. It never enters Lambda. May import `search`, `issues`, `join`, `store`, `detect`, `model`, `errors`.
Order: access and guard let a request in; routes answer it, one module per page, with the values that search_page, inbox_page and the other
       modules of a page make; rendering and formats make the page; transaction_file writes one
       that needs no server; tail sends what comes in; sent_letters keeps what became of dead letters that were sent again; assets serves
       what pages refer to;
       page_context is what all of them share; app puts them together.
"""
