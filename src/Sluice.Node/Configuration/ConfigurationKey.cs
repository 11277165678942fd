namespace Sluice.Node.Configuration;

/// <summary>A key of the configuration file, and whether a running daemon takes a new value of it.</summary>
/// <param name="Name">As in the file: <c>fetch.concurrency</c>.</param>
/// <param name="Value">What is set.</param>
/// <param name="Take">Options with the value of others; null: the value holds from the start of the daemon to its end.</param>
internal sealed record ConfigurationKey(string Name, Func<NodeOptions, object?> Value, Func<NodeOptions, NodeOptions, NodeOptions>? Take = null)
{
    public bool Differs(NodeOptions one, NodeOptions other) => !Equals(Value(one), Value(other));
}
