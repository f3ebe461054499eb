-- The number of the last change of any flag or limit ($1), of any tenant.
select serial from routing.change where what = $1
