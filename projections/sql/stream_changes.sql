-- How many components came and went in each stream of the batch.
select artifact_id, stream, count(*) filter (where added), count(*) filter (where not added) from p_change group by artifact_id, stream
