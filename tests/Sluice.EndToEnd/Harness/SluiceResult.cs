namespace Sluice.EndToEnd.Harness;

/// <summary>How a run of <c>sluice</c> ended.</summary>
internal sealed record SluiceResult(int ExitCode, string Output, string Error)
{
    public SluiceResult Succeeds()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}\n{Output}\n{Error}");
        return this;
    }

    /// <summary>Ended with this exit code and said all of this on standard error, with no stack trace.</summary>
    public void Fails(int exitCode, params string[] says)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode}, not {exitCode}\n{Output}\n{Error}");
        foreach (string text in says) Assert.Contains(text, Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
    }
}
