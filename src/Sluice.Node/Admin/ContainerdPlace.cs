using System.Text.RegularExpressions;

namespace Sluice.Node.Admin;

/// <summary>Checks what requests say about which containerd they mean.</summary>
internal static partial class ContainerdPlace
{
    /// <summary>Characters of the longest name that containerd accepts for a namespace or container.</summary>
    private const int MaxIdentifier = 76;

    /// <exception cref="Formats.SluiceException">containerd would refuse the value.</exception>
    public static void Check(string socket, string containerNamespace)
    {
        if (!socket.StartsWith('/') || socket.Contains('\0', StringComparison.Ordinal)) throw AdminJson.Wrong($"'containerd' is '{socket}', which is not an absolute path");
        CheckIdentifier("namespace", containerNamespace);
    }

    /// <inheritdoc cref="Check"/>
    public static void CheckIdentifier(string field, string value)
    {
        if (value.Length <= MaxIdentifier && Identifier().IsMatch(value)) return;
        throw AdminJson.Wrong($"'{field}' is '{value}'; containerd takes letters and digits with single '.', '_' or '-' between them, at most {MaxIdentifier} characters");
    }

    /// <summary>containerd's pattern of identifiers.</summary>
    [GeneratedRegex(@"\A[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Identifier();
}
