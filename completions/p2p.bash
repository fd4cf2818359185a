# bash completion of p2p. Use it with: source <(p2p completion bash)
# It asks the binary and evaluates nothing of what was typed.

_p2p() {
    local i word about plain piece strip='' rest=${COMP_LINE:0:${COMP_POINT:-0}} files=
    local -a words=()
    COMPREPLY=()

    # Readline cuts words at = and : as well. What has no blank before it in the line belongs together.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        if [[ -n $COMP_LINE ]]; then
            plain=${rest#"${rest%%[![:space:]]*}"}
            if ((i == COMP_CWORD)); then
                piece=$plain
            fi
            if ((i > 1)) && [[ $plain == "$rest" ]]; then
                strip=${words[${#words[@]} - 1]}
                [[ $piece == [=:] ]] && strip+=$piece
                words[${#words[@]} - 1]+=$piece
                rest=${plain#"$piece"}
                continue
            fi
            rest=${plain#"$piece"}
        fi
        strip=
        words+=("$piece")
    done
    words=("${words[@]:1}")

    # Quotes are taken off, nothing is expanded.
    for i in "${!words[@]}"; do
        words[i]=${words[i]//[\"\'\\]/}
    done

    while IFS=$'\t' read -r word about; do
        if [[ $word == :files ]]; then
            files=1
        elif [[ -n $word ]]; then
            COMPREPLY+=("${word#"$strip"}")
        fi
    done < <(command p2p __complete -- "${words[@]}" 2>/dev/null)

    if [[ $files ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r word; do
            COMPREPLY+=("$word")
        done < <(compgen -f -- "${words[${#words[@]} - 1]}")
    fi
}

complete -F _p2p p2p
