/** What a shell runs to complete the words of a command line: it asks `kvi complete`. */
export const completionScripts: Readonly<Record<string, string>> = {
  bash: `_kvi() {
  local IFS=$'\\n'
  COMPREPLY=($(kvi complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null))
  case "\${COMPREPLY[0]}" in */) compopt -o nospace 2> /dev/null ;; esac
}
complete -o default -F _kvi kvi
`,
  zsh: `#compdef kvi
_kvi() {
  local -a candidates
  candidates=("\${(@f)$(kvi complete -- "\${(@)words[2,CURRENT]}" 2> /dev/null)}")
  if [[ -n "\${candidates[*]}" ]]; then
    compadd -S '' -- "\${candidates[@]}"
  else
    _files
  fi
}
compdef _kvi kvi
`,
  fish: `function __kvi_complete
  kvi complete -- (commandline -opc)[2..] (commandline -ct) 2> /dev/null
end
complete -c kvi -a '(__kvi_complete)'
`,
};
