using System.CommandLine;
using System.CommandLine.Parsing;
using Sluice.Cli.Output;
using Sluice.Formats;

namespace Sluice.Cli;

/// <summary>Runs a command and turns what it throws into one line for people and an exit code for scripts.</summary>
internal static class CommandRunner
{
    public static int Run(RootCommand root, string[] args)
    {
        ParseResult parsed = root.Parse(args);
        if (args.Length > 0 && Complaints(parsed) is { Count: > 0 } complaints) return ReportUsage(parsed, complaints);
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

    /// <summary>What is wrong with the command line. An unknown option would pass for an argument: <c>serve --fast</c> would serve the directory <c>--fast</c>.</summary>
    private static IReadOnlyList<string> Complaints(ParseResult parsed)
    {
        IEnumerable<string> errors = parsed.Errors.Select(error =>
            error.SymbolResult is ArgumentResult { Tokens.Count: 0, Parent: CommandResult } missing ? $"{missing.Argument.Name} is missing" : error.Message.TrimEnd('.'));
        IEnumerable<string> options = parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash) ? [] :
            parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens)
                .Where(token => token.Value.Length > 1 && token.Value[0] == '-')
                .Select(token => $"'{token.Value}' is not an option");
        return [.. options.Concat(errors).Distinct()];
    }

    /// <summary>Not the whole help: that would also end up on standard output, where scripts expect results.</summary>
    private static int ReportUsage(ParseResult parsed, IReadOnlyList<string> complaints)
    {
        foreach (string complaint in complaints) Console.Error.WriteLine($"sluice: {complaint}");
        var path = new Stack<string>();
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult command; result = result.Parent) path.Push(result.Parent is null ? "sluice" : command.Command.Name);
        Console.Error.WriteLine($"  see: {string.Join(' ', path)} --help");
        return ExitCodes.Usage;
    }

    private static int Report(Exception exception)
    {
        switch (exception)
        {
            case AggregateException { InnerExceptions.Count: 1, InnerException: { } inner }:
                return Report(inner);
            case ClosedPipeException:
                return ExitCodes.ClosedPipe;
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
                Console.Error.WriteLine($"sluice: internal error, please report it: {Redaction.Clean(exception.ToString())}");
                return ExitCodes.Internal;
        }
    }
}
