#!/usr/bin/env bash
# Changes the rules in one place at a time (`cargo mutants`; which rules: mutation.toml), and shows which changes nothing notices.
# The tests of the core are asked first; what they do not notice, the scenarios and a short swarm are.
#
#   jepsen/mutation.sh             all parts that have no result yet: long, and goes on where it was left
#   jepsen/mutation.sh 600         parts that have no result yet, begun within so many seconds
#
# The parts are taken in the order of a shuffled pack, so that what is done so far is a fair sample. Results are kept in
# target/mutation; a change of the rules or of what judges them makes a part new. Needs jq, and `cargo install --locked cargo-mutants`.
set -euo pipefail
cd "$(dirname "$0")/.."
parts=400
limit=${1:-1000000}
kept=$PWD/target/mutation
tree=$kept/tree
mkdir -p "$tree"

# A scratch copy that is built again and again; what is the same keeps its time.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    cmp -s "$file" "$tree/$file" || { mkdir -p "$tree/$(dirname "$file")" && cp "$file" "$tree/$file"; }
done
export CARGO_INCREMENTAL=1 CARGO_TARGET_DIR=$kept/build

mutants() { # ARGS..: to find that something is not noticed is no failure of ours.
    local code=0
    cargo mutants --config jepsen/mutation.toml --package tenure-core --in-place --baseline skip --no-times --colors never "$@" || code=$?
    case $code in 0 | 2 | 3) ;; *) return 1 ;; esac
}

# What a part is worth as long as these do not change.
state=$(git ls-files -z jepsen/mutation.toml 'src/core/*.rs' 'jepsen/model/src/*.rs' 'tests/scenarios/*.txt' |
    xargs -0 cat | sha256sum | cut -c1-12)

# Whether the scenarios, a short swarm or the unit tests notice a change that is put in. 2: it cannot be built.
notices() {
    local cargo=(timeout 900 cargo test --profile mutants)
    "${cargo[@]}" -p tenure-model --lib --test scenarios --no-run || return 2
    SCENARIO_FIRST=1 SWARM_SEEDS=1-4 "${cargo[@]}" -p tenure-model --lib --test scenarios -- \
        every_scenario any_history any_long_history || return 0
    "${cargo[@]}" -p tenure-core --lib || return 0
    return 1
}

try() { # PART
    local out=$kept/$1
    rm -rf "$out" && mkdir -p "$out"
    cd "$tree"
    # Without what takes longer than all else, and concerns the planner.
    mutants --output "$out" --timeout 60 --shard "$1/$parts" --sharding round-robin \
        --cargo-arg=--config=profile.mutants.package.tenure-core.opt-level=0 \
        -- --test rules -- --skip properties:: --skip place:: --skip what_if:: >"$out/log" 2>&1 || { tail -20 "$out/log" >&2 && return 1; }
    local found=$out/mutants.out
    cat "$found"/{caught,timeout}.txt >"$out/caught"
    cp "$found/unviable.txt" "$out/unviable"
    : >"$out/missed"
    while read -r name; do
        local patch code=0
        patch=$found/$(jq -r --arg name "$name" '.outcomes[] | select(.scenario.Mutant?.name == $name) | .diff_path' "$found/outcomes.json")
        patch -s -p0 <"$patch"
        notices >>"$out/log" 2>&1 || code=$?
        patch -s -R -p0 <"$patch"
        case $code in
        0) echo "$name" >>"$out/caught" ;;
        1) echo "$name" >>"$out/missed" ;;
        *) echo "$name cannot be built with what judges it: see $out/log" >&2 && return 1 ;;
        esac
    done <"$found/missed.txt"
    echo "$state" >"$out/state"
    cd - >/dev/null
}

has_result() { [ "$(cat "$kept/$1/state" 2>/dev/null)" = "$state" ]; }

order=$(seq 0 $((parts - 1)) | shuf --random-source=<(yes "${MUTATION_SEED:-1}"))
for part in $order; do
    has_result "$part" || [ "$SECONDS" -ge "$limit" ] || {
        try "$part"
        printf '%5ss  part %3s: %s caught, %s not, %s do not compile\n' "$SECONDS" "$part" "$(wc -l <"$kept/$part/caught")" \
            "$(wc -l <"$kept/$part/missed")" "$(wc -l <"$kept/$part/unviable")"
    }
done

caught=0 missed=0 argued=0 done=0
for part in $order; do
    has_result "$part" || continue
    done=$((done + 1)) caught=$((caught + $(wc -l <"$kept/$part/caught")))
    # What is argued to change nothing stands in the document, one line each, without the place in the file.
    while read -r name; do
        if grep -qF "\`$(sed -E 's/:[0-9]+:[0-9]+:/:/' <<<"$name")\`" docs/testing.md; then
            argued=$((argued + 1))
        else
            missed=$((missed + 1))
            echo "NOT CAUGHT  $name"
        fi
    done <"$kept/$part/missed"
done
total=$((caught + missed + argued))
echo "$done of $parts parts have a result: $total changes compile, $caught are caught, $argued are argued to change nothing, $missed are not caught"
[ "$total" = 0 ] || printf 'caught: %s.%s %%\n' $((caught * 1000 / total / 10)) $((caught * 1000 / total % 10))
