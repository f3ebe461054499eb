-- That an index is sound and has every row of its table; it says so by an error.
select bt_index_check(index => $1::oid::regclass, heapallindexed => true)
