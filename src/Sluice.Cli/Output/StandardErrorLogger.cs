using Microsoft.Extensions.Logging;
using Sluice.Formats;

namespace Sluice.Cli.Output;

/// <summary>Log lines on standard error: time, level, message, and the exception where there is one. What a service manager expects. Nothing that looks like a secret passes.</summary>
internal sealed class StandardErrorLogger : ILoggerProvider, ILogger
{
    private readonly TextWriter _output = TextWriter.Synchronized(Console.Error);

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        string level = logLevel switch
        {
            LogLevel.Trace or LogLevel.Debug => "debug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warning",
            _ => "error",
        };
        _output.WriteLine(Redaction.Clean($"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} {level} {formatter(state, exception)}{(exception is null ? "" : $": {exception.Message}")}"));
    }

    public void Dispose() => _output.Flush();
}
