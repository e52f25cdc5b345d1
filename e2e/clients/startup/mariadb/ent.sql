# What entgo.io/ent v0.14.5 says to mariadb when it connects, its first statement of its own included: recorded from the server's
# general log. One statement a line; a line that starts with # is another command, or a comment.
