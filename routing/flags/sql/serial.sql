-- The number of the last change of any flag, of any tenant.
select serial from routing.change where what = 'flag'
