# PowerShell completion of p2p. Use it with: p2p completion powershell | Out-String | Invoke-Expression
# It asks the binary and evaluates nothing of what was typed.

Register-ArgumentCompleter -Native -CommandName p2p -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # Only the words that end before the cursor's own, as they stand in the line, without their quotes.
    $words = @($commandAst.CommandElements |
        Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { $_.Extent.Text.Trim('"', "'") })

    # Older versions drop empty arguments, so an empty last word is said with --next.
    if ($wordToComplete) {
        $lines = & p2p __complete -- @words $wordToComplete.Trim('"', "'") 2>$null
    } else {
        $lines = & p2p __complete --next -- @words 2>$null
    }

    foreach ($line in $lines) {
        if ($line -eq ':files') {
            continue # PowerShell offers files by itself where there is nothing else
        }
        $word, $about = $line -split "`t", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
}
