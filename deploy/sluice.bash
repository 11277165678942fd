# Completion for bash: the program itself says what fits.
_sluice() {
    local line=${COMP_LINE:0:COMP_POINT}
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _sluice sluice
