# What mariadb-dump Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64) says to mariadb when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
SELECT 1
