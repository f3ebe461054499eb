-- The process that serves this connection, and the address where it does: null by a socket file.
select pg_backend_pid(), inet_server_addr()
