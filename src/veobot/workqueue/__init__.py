"""Who carries which request, and when. Rows keep decisions right; the queue keeps them coming."""
