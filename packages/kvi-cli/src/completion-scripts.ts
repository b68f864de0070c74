/** What a shell runs to complete the words of a command line: it asks `kvi complete`. */
export const completionScripts: Readonly<Record<string, string>> = {
  bash: `_kvi() {
  local rest=\${COMP_LINE:0:COMP_POINT} words=() word i
  # Bash splits words at : and = as well. What has no space between belongs together.
  for word in "\${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    [[ \${#words[@]} -gt 0 && $rest != [[:space:]]* ]] || words+=('')
    rest=\${rest#"\${rest%%[![:space:]]*}"}
    [[ $rest == "$word"* ]] || word=$rest
    words[-1]+=$word
    rest=\${rest#"$word"}
  done
  mapfile -t COMPREPLY < <(kvi complete -- "\${words[@]:1}" 2> /dev/null)
  [[ \${COMPREPLY[0]} != */ ]] || compopt -o nospace
  [[ \${words[-1]} != [\\'\\"]* ]] || return 0
  local breaks=\${COMP_WORDBREAKS//[!:=]} before=
  [[ -z $breaks ]] || before=\${words[-1]%"\${words[-1]##*[$breaks]}"}
  for i in "\${!COMPREPLY[@]}"; do
    printf -v word %q "\${COMPREPLY[i]}"
    COMPREPLY[i]=\${word#"$before"}
  done
}
complete -o bashdefault -o default -F _kvi kvi
`,
  zsh: `#compdef kvi
_kvi() {
  local -a candidates
  candidates=("\${(@f)$(kvi complete -- "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2> /dev/null)}")
  candidates=("\${(@)candidates:#}")
  if (( $#candidates == 0 )); then
    _files
    return
  fi
  compadd -S '' -- "\${(@M)candidates:#*/}"
  compadd -- "\${(@)candidates:#*/}"
}
if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then
  _kvi "$@"
else
  compdef _kvi kvi
fi
`,
  fish: `function __kvi_complete
  set -l words (commandline -opc)
  set -l candidates (kvi complete -- $words[2..] (commandline -ct) 2> /dev/null)
  if set -q candidates[1]
    printf '%s\\n' $candidates
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c kvi -f -a '(__kvi_complete)'
`,
};
