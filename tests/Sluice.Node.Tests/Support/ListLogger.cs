using Microsoft.Extensions.Logging;

namespace Sluice.Node.Tests.Support;

/// <summary>Keeps what is logged: number and text.</summary>
internal sealed class ListLogger : ILogger
{
    private readonly List<(int Number, string Text)> _lines = [];

    public IReadOnlyList<(int Number, string Text)> Lines
    {
        get
        {
            lock (_lines) return [.. _lines];
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines) _lines.Add((eventId.Id, formatter(state, exception)));
    }
}
