case f.severity when 'critical' then 5 when 'high' then 4 when 'medium' then 3 when 'low' then 2 when 'none' then 1
  else case when f.score >= 90 then 5 when f.score >= 70 then 4 when f.score >= 40 then 3 when f.score >= 1 then 2 when f.score is not null then 1 else 0 end end
