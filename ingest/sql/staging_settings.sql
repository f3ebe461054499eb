-- What a connection of an import has beside its temporary tables.
set temp_buffers = '64MB';
-- No statement of an import has reason to read a whole table; without statistics the planner
-- may think so.
set enable_seqscan = off;
-- For the merge of the JSON search index that an insert does when the pending list is full.
set work_mem = '128MB';
