#!/usr/bin/env bash
# Would the checker of timelines notice a mistake in the code that makes schedules? Each fault is one
# changed line of a copy of the tree, which is built and made to schedule the random cases of
# tests/map/test_timeline.c. Prints a table in Markdown; exit code 1 if a fault is not noticed, or
# if its line is not there any more.
#
#     experiments/schedule_faults.sh [cases, 240 by default] [word of the faults to try]
set -eu
cd "$(dirname "$0")/.."
cases=${1:-240} only=${2:-}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

# name | file of src/map | sed expression, which changes one line
faults=(
    'a value is freed after its first reader|schedule_plan.c|s/p->value\[l->input\[k\]\]\.last = s;/if (p->value[l->input[k]].last < 0) &/'
    'the batch is forgotten in sizes of values|schedule_plan.c|s/return (int64_t)l->c \* l->h \* l->w \* batch;/return (int64_t)l->c * l->h * l->w * (batch > 0);/'
    'a second operand is taken to be where the first is|schedule_plan.c|s/if (on_chip\[step->in\[k\]\])/if (on_chip[step->in[0]])/'
    'resident weights of other layers take no room|scheduler.c|s/int64_t bits = w->resident_bits - .*/int64_t bits = 0;/'
    'the second input is said to be where the first is|schedule.c|s/place(w->on_chip\[s->in\[1\]\])/place(w->on_chip[s->in[0]])/'
    'the last interval does not load for the first|scheduler.c|s/if (next == 0 && s->o.cold) return -1;/if (next == 0) return -1;/'
    'tiles count in one store only|schedule.c|s/all = used + need\.tiles \* h->stores/all = used + need.tiles/'
    'the first load of resident weights is forgotten|schedule.c|s/^ *if (td__loads_own(w, i)) out->dram_bytes.*//'
    'the first load of resident weights takes no time|scheduler.c|s/^ *x\.read += (double)step->weight_bits;//'
    'loading ahead takes no time|scheduler.c|s/^ *x\.read += (double)s->plan\.step\[next\]\.weight_bits;//'
    'bytes loaded ahead are not in the sum|schedule.c|s/^ *out->dram_bytes += t->prefetch_bytes;//'
    'transfers take no time|schedule.c|s/out->cycles = x\.compute > x\.dram ?.*/out->cycles = x.compute;/'
    'values that pass by take no room|schedule_dp.c|s/r->room - s.view->others/r->room/'
    'resident weights take no room|schedule_dp.c|s/if (resident\[i\]) r\.room -= .*/if (resident[i]) r.room -= 0;/'
    'weights that are loaded ahead take no room|schedule_dp.c|s/if (ahead \&\& !r->resident\[next\]) room -= d->.*//'
    'which weights are loaded ahead is forgotten|schedule_dp.c|s/= c->out, \.ahead = c->from & 1/= c->out, .ahead = false/'
    'a value takes no more than its tile|schedule_home.c|s/ value\[t\] > held)/ value[t] > held + value[t])/'
    'the operand of a joined sum is freed before it|schedule_plan.c|s/if (p->value\[other\]\.last < s) p->value\[other\]\.last = s;//'
    'the operand of a joined sum is not moved|scheduler.c|s/^ *x\.read += v\.dram_read;//'
    'a joined sum takes no time|scheduler.c|s/x\.compute = td__joined_cycles.*/;/'
    'the operand of a joined sum takes no room|schedule_view.c|s/if (s->shape < 0 ? reads(s, live\[k\]) : s->in\[0\] == live\[k\])/if (reads(s, live[k]))/'
    'rows between the layers of a stack take no room|schedule_stack.c|s/^ *s->buffer += s->between\[k\];//'
    'the first turn of a layer is not counted|schedule_stack.c|s/s->passes\[k\]++;/s->passes[k] += done[k] > rows;/'
    'turns of a stack take the time of one|schedule_turns.c|s/^ *w\.cycles \*= passes;//'
    'turns of a stack read once|schedule_turns.c|s/^ *w\.read \*= passes;//'
    'weights of a stack come for nothing|scheduler.c|s/return s->resident\[i\] ? s->o\.cold : .*/return s->resident[i] \&\& s->o.cold;/'
    'turns do not wait for the weights of their stack|scheduler.c|s/^ *x\.dram = fmax(x\.dram, wait);//'
    'weights of a stack take no room|schedule_dp.c|s/if (!r->resident\[k->first + j\]) room -= .*/;/'
    'what stands beside a stack takes no room|schedule_dp.c|s/ - d->view\[k->first\]\[set\]\.held/ - 0 * set/'
    'the output of a stack takes no room|schedule_dp.c|s/if (out) room -= .*/(void)out;/'
    'a layer asked for again has all of the pool|schedule_refine.c|s/return s->home\.pool - td__others_bits(s, i);/return s->home.pool;/'
    'a layer is asked for again without its weights on chip|schedule_refine.c|s/const bool weights = s->resident.*/const bool weights = false;/'
    'writing takes no time|schedule_home.c|s/(read + write) \/ top->shared_bw/read \/ top->shared_bw/g'
)

git ls-files -z | xargs -0 tar cf - | tar xf - -C "$copy"
cmake -S "$copy" -B "$copy/build" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$copy/log" 2>&1 || { cat "$copy/log"; exit 1; }

# What the checker says of the first case that it refuses; nothing if none.
says() {
    ninja -C "$copy/build" test_timeline >"$copy/log" 2>&1 || {
        echo "DOES NOT BUILD: $(grep -m 1 'error:' "$copy/log")"
        return
    }
    TANDEM_CASES=$cases timeout 300 "$copy/build/tests/test_timeline" 2>&1 |
        sed -n 's/.*\(case [0-9]*: .*\)/\1/p' | head -1
}

said=$(says)
[ -z "$said" ] || { echo "without a fault: $said"; exit 1; }
echo "| fault | file | noticed |"
echo "| --- | --- | --- |"
missed=0
for fault in "${faults[@]}"; do
    name=${fault%%|*} rest=${fault#*|}
    file=$copy/src/map/${rest%%|*} change=${rest#*|}
    [[ $name == *"$only"* ]] || continue
    cp "$file" "$copy/right"
    sed -i "$change" "$file"
    lines=$(diff "$copy/right" "$file" | grep -c '^<' || true)
    if [ "$lines" != 1 ]; then
        said="NOT THERE: $lines lines match"
    else
        said=$(says)
    fi
    [[ $said == *"timeline: "* ]] || missed=$((missed + 1))
    echo "| $name | \`${rest%%|*}\` | ${said:-NO} |"
    cp "$copy/right" "$file"
done
[ "$missed" = 0 ] || { echo "$missed not noticed" >&2; exit 1; }
