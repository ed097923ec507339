//! Documents and large files behind the blob port: in S3, or in a folder.
