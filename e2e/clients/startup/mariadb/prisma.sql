# What @prisma/client 7.10.0 says to mariadb when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
SELECT VERSION()
# Prepare SELECT 1 AS one
# Execute SELECT 1 AS one
# Close stmt
