# What knex 3.3.0 says to mysql when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
select version() as version
SELECT 1 AS one
