using Sluice.Formats;

namespace Sluice.Cli;

/// <summary>What the exit code of <c>sluice</c> says; documented in docs/cli.md.</summary>
internal static class ExitCodes
{
    public const int Success = 0;

    /// <summary>The command worked and its answer is no: <c>check</c> found a difference.</summary>
    public const int Different = 1;

    public const int Usage = 2;
    public const int Interrupted = 130;

    /// <summary>Whoever read the output has gone: what the shell makes of SIGPIPE.</summary>
    public const int ClosedPipe = 141;

    /// <summary>A defect of Sluice itself.</summary>
    public const int Internal = 70;

    public static int Of(SluiceError error) => error switch
    {
        SluiceError.Usage or SluiceError.Configuration => Usage,
        SluiceError.Image => 3,
        SluiceError.NotFound => 4,
        SluiceError.Source => 5,
        SluiceError.Unauthorized => 6,
        SluiceError.Timeout => 7,
        SluiceError.Disk => 8,
        SluiceError.Kernel => 9,
        SluiceError.Runtime => 10,
        _ => Internal,
    };
}
