using Sluice.Formats;
using Sluice.Formats.Toml;

namespace Sluice.Node.Doctor.Facts;

/// <summary>containerd's configuration with what it imports. Sources: containerd-config.toml(5); containerd docs/cri/config.md for the names of versions 2 and 3.</summary>
internal sealed class ContainerdConfiguration
{
    public const string DefaultPath = "/etc/containerd/config.toml";

    private const int MaxImports = 64;

    private readonly List<(string File, TomlTable Root)> _files = [];

    private ContainerdConfiguration(string path) => Path = path;

    public string Path { get; }

    /// <summary>What is wrong with a file; the settings of the others are there.</summary>
    public SluiceException? Error { get; private set; }

    public bool Exists => _files.Count > 0 || Error is not null;

    /// <summary>Layout of the file that containerd was given; 1 where it says nothing.</summary>
    public long Version => _files.Count > 0 && _files[0].Root.Get("version")?.Content is long version ? version : 1;

    /// <summary>The CRI plugin is there, as it is unless it was switched off.</summary>
    public bool HasCri => !_files.Any(file => file.Root.Get("disabled_plugins")?.Content is List<TomlValue> names && names.Any(name => name.Content is "cri" or "io.containerd.grpc.v1.cri" or "io.containerd.cri.v1.images"));

    /// <summary>The table that says how CRI makes snapshots, in the layout of <see cref="Version"/>.</summary>
    public IReadOnlyList<string> CriTable => TablesOf(Version)[0];

    public static ContainerdConfiguration Read(NodeFiles files, string path)
    {
        var configuration = new ContainerdConfiguration(path);
        configuration.Add(files, path);
        return configuration;
    }

    /// <summary>The value that counts: a file wins over those that import it later; null: nobody set it.</summary>
    public ContainerdSetting? Find(IReadOnlyList<string> table, string key)
    {
        for (int i = _files.Count - 1; i >= 0; i--)
        {
            TomlTable? place = table.Aggregate((TomlTable?)_files[i].Root, (parent, name) => parent?.Table(name));
            if (place?.Get(key) is { } value) return new ContainerdSetting(_files[i].File, value);
        }

        return null;
    }

    /// <summary>A setting of CRI, in whichever layout it was written: containerd 2 takes the older ones.</summary>
    public ContainerdSetting? FindCri(string key) => TablesOf(Version).Select(table => Find(table, key)).FirstOrDefault(setting => setting is not null);

    /// <summary>Names of the tables below a table.</summary>
    public IEnumerable<string> Tables(params IReadOnlyList<string> table) => _files
        .Select(file => table.Aggregate((TomlTable?)file.Root, (parent, name) => parent?.Table(name)))
        .SelectMany(place => place?.Entries.Where(entry => entry.Value.Content is TomlTable).Select(entry => entry.Key) ?? []).Distinct();

    /// <summary>The line that sets a value: changes it, or puts it behind the header of its table, or at the end with one.</summary>
    public string MendLine(NodeFiles files, IReadOnlyList<string> table, string key, string value)
    {
        string header = $"[{string.Join('.', table.Select(name => name.Contains('.', StringComparison.Ordinal) ? $"\"{name}\"" : name))}]";
        string line = $"{key} = {value}";
        if (Find(table, key) is { } there) return $"sed -i '{there.Value.Line}s|{key}.*|{line}|' {there.File} && systemctl restart containerd";
        foreach ((string file, _) in _files)
        {
            int at = (files.Text(file) ?? "").Split('\n').ToList().FindIndex(text => text.Trim().Replace('\'', '"') == header);
            if (at >= 0) return $"sed -i '{at + 1}a {line}' {file} && systemctl restart containerd";
        }

        return $"printf '\\n{header}\\n{line}\\n' >> {Path} && systemctl restart containerd";
    }

    private static IReadOnlyList<string>[] TablesOf(long version) => version switch
    {
        >= 3 => [["plugins", "io.containerd.cri.v1.images"], ["plugins", "io.containerd.grpc.v1.cri", "containerd"]],
        2 => [["plugins", "io.containerd.grpc.v1.cri", "containerd"]],
        _ => [["plugins", "cri", "containerd"], ["plugins", "io.containerd.grpc.v1.cri", "containerd"]],
    };

    private void Add(NodeFiles files, string path)
    {
        if (_files.Count >= MaxImports || _files.Any(file => file.File == path) || files.Text(path) is not { } text) return;
        try
        {
            TomlTable root = new TomlReader(text, path).Read();
            _files.Add((path, root));
            if (root.Get("imports")?.Content is not List<TomlValue> imports) return;
            foreach (string import in imports.Select(import => import.Content).OfType<string>().SelectMany(pattern => Expand(files, path, pattern))) Add(files, import);
        }
        catch (SluiceException error)
        {
            Error ??= error;
        }
    }

    /// <summary>Relative ones are relative to the file; <c>*</c> stands for names.</summary>
    private static IEnumerable<string> Expand(NodeFiles files, string file, string pattern)
    {
        string path = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(file)!, pattern);
        string directory = System.IO.Path.GetDirectoryName(path)!, name = System.IO.Path.GetFileName(path);
        return name.AsSpan().ContainsAny("*?")
            ? files.Names(directory).Where(entry => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(name, entry, ignoreCase: false)).Select(entry => System.IO.Path.Combine(directory, entry))
            : [path];
    }
}
