"""Reports: results of the other commands as one page, as Markdown, or as CSV.

``load`` reads results into records, ``tables`` and ``figures`` present them, ``page`` and ``text``
write them. Nothing here measures or counts.
"""
