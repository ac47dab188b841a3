"""Where a lake keeps its objects: files of a disk that is shared, or an object store (`s3://bucket/prefix`)."""
