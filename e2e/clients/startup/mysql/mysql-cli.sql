# What mysql Ver 9.7.4-2 says to mysql when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
select @@version_comment limit 1
SELECT 1
