-- What is wrong in a table, by amcheck; with data checksums reading it checks the pages too.
select count(*), coalesce(min(format('block %s: %s', blkno, msg)), '') from verify_heapam(relation => $1::oid::regclass, check_toast => true)
