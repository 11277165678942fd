using Sluice.Formats;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>Mending lines that several checks give.</summary>
internal static class Mend
{
    private const string Unit = "sluice.service";

    public static string Start(NodeFacts node) => UnitFile.Read(node.Files, Unit) is null ? $"setsid sluice daemon --root {node.Options.Root} --state {node.Options.State} >> /var/log/sluice.log 2>&1 &" : "systemctl start sluice";

    /// <summary>With what separates it from the next command; empty if there is nothing to stop.</summary>
    public static string Stop(NodeFacts node) =>
        UnitFile.Read(node.Files, Unit) is not null ? "systemctl stop sluice; " : node.Daemons.Count == 0 ? "" : $"kill {string.Join(' ', node.Daemons.Select(daemon => daemon.Id))}; ";

    public static string Restart(NodeFacts node) => UnitFile.Read(node.Files, Unit) is null ? Stop(node) + Start(node) : "systemctl restart sluice";

    /// <summary>Sets something in the daemon's unit and has it count.</summary>
    public static string SetInUnit(NodeFacts node, string setting, string value) =>
        UnitFile.Read(node.Files, Unit) is { } unit ? $"{unit.MendLine(setting, value)} && systemctl restart sluice" : $"# start the daemon with {value}";

    /// <summary>Opens the file of an error at its line.</summary>
    public static string Edit(SluiceException error, string file)
    {
        int colon = error.Culprit.LastIndexOf(':');
        bool hasLine = colon > 0 && colon + 1 < error.Culprit.Length && error.Culprit.AsSpan(colon + 1).IndexOfAnyExceptInRange('0', '9') < 0;
        return hasLine ? $"${{EDITOR:-vi}} +{error.Culprit[(colon + 1)..]} {error.Culprit[..colon]}" : $"${{EDITOR:-vi}} {file}";
    }

    /// <summary>The message of an error without its culprit.</summary>
    public static string TextOf(SluiceException error) => error.Message.StartsWith(error.Culprit + ": ", StringComparison.Ordinal) ? error.Message[(error.Culprit.Length + 2)..] : error.Message;
}
