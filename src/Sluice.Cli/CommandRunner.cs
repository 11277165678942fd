using System.CommandLine;
using Sluice.Formats;

namespace Sluice.Cli;

/// <summary>Runs a command and turns what it throws into one line for people and an exit code for scripts.</summary>
internal static class CommandRunner
{
    public static int Run(RootCommand root, string[] args)
    {
        ParseResult parsed = root.Parse(args);
        var invocation = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(30) };
        try
        {
            int code = parsed.Invoke(invocation);
            return parsed.Errors.Count > 0 ? ExitCodes.Usage : code;
        }
        catch (Exception exception)
        {
            return Report(exception);
        }
    }

    private static int Report(Exception exception)
    {
        switch (exception)
        {
            case AggregateException { InnerExceptions.Count: 1, InnerException: { } inner }:
                return Report(inner);
            case OperationCanceledException:
                Console.Error.WriteLine("sluice: interrupted");
                return ExitCodes.Interrupted;
            case SluiceException sluice:
                Console.Error.WriteLine($"sluice: {sluice.Message}");
                if (sluice.Hint is not null) Console.Error.WriteLine($"  {sluice.Hint}");
                return ExitCodes.Of(sluice.Error);
            case UnauthorizedAccessException or IOException:
                Console.Error.WriteLine($"sluice: {exception.Message}");
                return ExitCodes.Of(SluiceError.Disk);
            default:
                Console.Error.WriteLine($"sluice: internal error, please report it: {exception}");
                return ExitCodes.Internal;
        }
    }
}
