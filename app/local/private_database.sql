-- The database that `make run` makes on its private server. Elsewhere the DBA makes one, with the same encoding.

CREATE DATABASE ringfence ENCODING 'UTF8';
