"""From the bytes of a radiograph to grey levels: headers, codestreams, LUTs, and a pool to do it in.

Nothing in this package imports Django, and nothing but `pool` starts a process.
"""
