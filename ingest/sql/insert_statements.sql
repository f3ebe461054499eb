-- Statements are immutable: one that is here already stays. The columns are those of statementColumns.
insert into vex.vex_statement (tenant_id, {statement columns})
select $1, {statement columns} from t_statement order by id
