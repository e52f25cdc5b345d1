# classpath.sh: where Debian keeps the jars that the Java programs need.
classpath=
for jar in mariadb-java-client hibernate3 hibernate-core hibernate-commons-annotations geronimo-jpa_2.0_spec geronimo-jta-1.2-spec dom4j \
  slf4j-api slf4j-nop javassist antlr commons-collections3; do
  classpath=$classpath:/usr/share/java/$jar.jar
done
