# fish completion of p2p. Use it with: p2p completion fish | source
# or write it to ~/.config/fish/completions/p2p.fish
# It asks the binary and evaluates nothing of what was typed.

function __p2p_ask
    set -l typed (commandline -opc)
    set -l last (commandline -ct)
    set -e typed[1]
    command p2p __complete -- $typed "$last" 2>/dev/null
end

complete -c p2p -f -a '(__p2p_ask | string match -v :files)'
complete -c p2p -n '__p2p_ask | string match -q :files' -F
