-- Statements on their way into vex_statement: of imports, and of documents that are read again. The
-- columns are those of statementColumns.
create temp table if not exists t_statement ({statement definitions}) on commit delete rows;
