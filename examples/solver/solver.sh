# One trial: a line of JSON on standard input, a number on standard output. A model of how long a
# solver takes; a real one would be run and timed here.
read -r line
value() { printf '%s' "$line" | sed -n "s/.*\"$1\": *\"\{0,1\}\([^,}\"]*\).*/\1/p"; }
awk -v method="$(value method)" -v omega="$(value omega)" -v pre="$(value preconditioned)" \
    -v size="$(value size)" 'BEGIN {
    if (method == "jacobi" && omega > 1) {
        print "{\"infeasible\": \"diverges\"}"
        exit
    }
    if (method == "jacobi") steps = 900 / omega
    if (method == "sor") steps = 60 + 400 * (omega - 1.7) ^ 2
    if (method == "cg") steps = pre == "true" ? 40 : 90
    block = size / 32
    print steps * 0.01 * (block + 1 / block) / 2 * (pre == "true" ? 1.3 : 1)
}'
