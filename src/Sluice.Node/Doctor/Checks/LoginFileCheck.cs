using System.Text.Json;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>The file that logins are in. Whether they are right, only a registry can say. Source: Docker CLI configuration file.</summary>
internal sealed class LoginFileCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (Locate(node) is not { } path) yield break;
        if (!node.Files.Exists(path))
        {
            yield return new Finding("login-file-missing", Severity.Error, path, "is not there, though registry.auth_file names it: nobody is logged in anywhere", $"skopeo login --authfile {path} HOST");
            yield break;
        }

        if (node.Files.Text(path) is not { } text)
        {
            yield return new Finding("login-file-broken", Severity.Error, path, node.Files.IsDirectory(path) ? "is a directory: nobody is logged in anywhere" : "can't be read: nobody is logged in anywhere", node.Files.IsDirectory(path) ? $"rmdir {path}" : $"chown root: {path} && chmod 600 {path}");
            yield break;
        }

        (string[] helpers, string? broken) = Read(text);
        if (broken is not null) yield return new Finding("login-file-broken", Severity.Error, path, $"{broken}: nobody is logged in anywhere", $"mv {path} {path}.broken && skopeo login --authfile {path} HOST");
        string[] places = [.. node.Environment.GetValueOrDefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").Split(':', StringSplitOptions.RemoveEmptyEntries)];
        foreach (string program in helpers.Distinct().Select(helper => $"docker-credential-{helper}").Where(program => !places.Any(place => node.Files.Exists($"{place}/{program}"))))
        {
            yield return new Finding(
                "login-helper-missing", Severity.Error, path, $"names the program {program}, which is not in the daemon's PATH: what only it knows can't be logged in to",
                $"install -m 755 {program} /usr/local/bin/  # after it was downloaded");
        }
    }

    private static string? Locate(NodeFacts node)
    {
        if (node.Options.Sources.AuthFile is { } configured) return configured;
        string?[] candidates = [node.Environment.GetValueOrDefault("REGISTRY_AUTH_FILE"), Below(node, "DOCKER_CONFIG", "config.json"), Below(node, "HOME", ".docker/config.json")];
        return candidates.FirstOrDefault(path => path is not null && node.Files.Exists(path));
    }

    private static string? Below(NodeFacts node, string variable, string name) => node.Environment.GetValueOrDefault(variable) is { } directory ? Path.Combine(directory, name) : null;

    private static (string[] Helpers, string? Broken) Read(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text.Length == 0 ? "{}" : text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object) return ([], "is not a JSON object");
            List<string> helpers = [];
            if (document.RootElement.TryGetProperty("credsStore", out JsonElement store) && store.ValueKind == JsonValueKind.String && store.GetString() is { Length: > 0 } name) helpers.Add(name);
            if (document.RootElement.TryGetProperty("credHelpers", out JsonElement all) && all.ValueKind == JsonValueKind.Object)
                helpers.AddRange(all.EnumerateObject().Where(helper => helper.Value.ValueKind == JsonValueKind.String).Select(helper => helper.Value.GetString()!));
            return ([.. helpers], null);
        }
        catch (JsonException exception)
        {
            return ([], $"is not JSON (line {exception.LineNumber + 1})");
        }
    }
}
