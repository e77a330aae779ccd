# SPDX-License-Identifier: Apache-2.0
# From the list of structs.awk a C program that prints where every member lies: "struct size alignment", and
# "struct.member offset size".
BEGIN {
	FS = "|"
	print "#include <stddef.h>\n#include <stdio.h>\n#include <orasi/plugin.h>\nint main(void)\n{"
}
NF == 1 { printf "printf(\"%s %%zu %%zu\\n\", sizeof(%s), _Alignof(%s));\n", substr($1, 8), $1, $1 }
NF > 1 { printf "printf(\"%s.%s %%zu %%zu\\n\", offsetof(%s, %s), sizeof(((%s *)0)->%s));\n", substr($1, 8), $2, $1, $2, $1, $2 }
END { print "return 0;\n}" }
