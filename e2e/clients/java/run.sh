#!/usr/bin/env bash
# run.sh CLASS ARGUMENTS…: a Java program that install.sh has compiled into $CLIENTS/java.
. java/classpath.sh
# Hibernate 3 makes classes in a way that Java 17 has to be asked for.
exec java -XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8 -Dstdout.encoding=UTF-8 --add-opens java.base/java.lang=ALL-UNNAMED \
  -Dhibernate.version="$(basename "$(ls /usr/share/java/hibernate-core-*.jar 2>/dev/null | head -n 1)" .jar | sed 's/hibernate-core-//')" \
  -cp "$CLIENTS/java:$classpath" "$@"
