using Sluice.Node.Policies;

namespace Sluice.Cli.Output;

/// <summary>What <c>sluice policy explain</c> says.</summary>
internal static class PolicyScreen
{
    private const int Label = 8;
    private const int Reason = 17;

    /// <param name="width">Columns.</param>
    public static void Print(PullExplanation explanation, TextWriter output, int width)
    {
        Line(output, "image", $"{explanation.Name}  ({explanation.Digest[..Math.Min(explanation.Digest.Length, 19)]}), {Kind(explanation.Image.Kind)}, {ByteSize.Text(explanation.Image.Bytes)}");
        Line(output, "policy", $"{explanation.Policy}, {(explanation.Rule is { } rule ? $"by the pattern {rule}" : "as no pattern matches")}");
        Line(output, "mode", explanation.Mode == PullMode.Eager ? "eager" : "lazy");
        Line(output, "trace", explanation.Trace ? "on" : "off");
        output.WriteLine();
        foreach (PullReason reason in explanation.Reasons)
        {
            string head = $"{reason.Id,-Reason}";
            foreach (string line in Words.Wrap(reason.What, Math.Max(width - Reason, 20), 0))
            {
                output.WriteLine($"{head}{line}");
                head = new string(' ', Reason);
            }
        }
    }

    private static void Line(TextWriter output, string label, string text) => output.WriteLine($"{label,-Label}{text}");

    private static string Kind(ImageKind kind) => kind switch
    {
        ImageKind.Rafs => "RAFS",
        ImageKind.Block => "OverlayBD",
        _ => "ordinary layers",
    };
}
