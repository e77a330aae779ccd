# SPDX-License-Identifier: Apache-2.0
# A C program that prints the table of the ABI: for each line "struct" or "struct.field" of the old table its size and
# offset as the headers have them now.
BEGIN {
	print "#include <stddef.h>\n#include <stdio.h>\n#include <orasi/plugin.h>"
	print "#define T(s) printf(\"%s %zu %zu\\n\", #s, sizeof(s), _Alignof(s));"
	print "#define F(s, f) printf(\"%s.%s %zu %zu\\n\", #s, #f, offsetof(s, f), sizeof(((s *)0)->f));"
	print "typedef struct orasi_note orasi_note; typedef struct ArrowSchema ArrowSchema; typedef struct ArrowArray ArrowArray;"
	print "int main(void) {"
}
/^#/ || !NF { next }
{
	if (split($1, part, ".") == 1) print "T(" $1 ")"
	else print "F(" part[1] ", " part[2] ")"
}
END { print "return 0; }" }
